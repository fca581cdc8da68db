"""Several plans and earlier courses."""

from __future__ import annotations

from dataclasses import replace

from scenarios.bodies import THORAX
from scenarios.lung import ORGANS, REACH, organs_around
from scenarios.phantom import Ellipsoid, Scene, ball, grown, named, shot
from scenarios.record import FAIL, GOOD, MARGINAL_AT_LEAST, NOT_A_PASS, Claim, Scenario

FIRST = ball((-102, 10, 20), 14)
SECOND = ball((-102, 0, -50), 14)
THIRD = ball((102, 0, 0), 14)
SAME_SESSIONS = 'sequence = "same_sessions"\n'
SEQUENTIAL = 'sequence = "sequential"\n'


def plans(groups: tuple[dict[str, Ellipsoid], ...], rx_gy: float, n_fractions: int) -> tuple[Scene, ...]:
    """One plan a group of targets, all on the same contours."""
    targets = {name: ptv for group in groups for name, ptv in group.items()}
    solids = {**named(organs_around(*targets.values()), THORAX), **targets}
    found = []
    for number, group in enumerate(groups, start=1):
        shots = [shot(ptv, rx_gy * 0.995) for ptv in group.values()]
        scene = Scene(
            solids,
            lambda p, shots=shots: sum(s(p) for s in shots),
            dict.fromkeys(group, rx_gy),
            n_fractions,
            REACH,
            label=f"lung plan {number}",
        )
        found.append(scene)
    return tuple(found)


def three_lesions_two_plans() -> tuple[Scene, ...]:
    return plans(({"PTV1_lung": FIRST, "PTV2_lung": SECOND}, {"PTV3_lung": THIRD}), 50.0, 5)


def both_beside_the_cord() -> tuple[Scene, ...]:
    """Each plan alone gives the cord less than half of what the two give together."""
    upper, lower = Ellipsoid((-21.8, 74, 10), (10, 10, 9)), Ellipsoid((-21.8, 74, -10), (10, 10, 9))
    return plans(({"PTV1_lung": upper}, {"PTV2_lung": lower}), 50.0, 5)


def after_conventional(rx_gy: float = 50.0, n_fractions: int = 5) -> tuple[Scene, ...]:
    ptv = ball((-102, 0, 20), 14)
    return (
        Scene(
            {**named(organs_around(ptv), THORAX), "PTV_lung": ptv, "GTV_lung": grown(ptv, -5)},
            shot(ptv, rx_gy),
            {"PTV_lung": rx_gy},
            n_fractions,
            REACH,
            label="lung after 50 in 25",
        ),
    )


def earlier(organ: str, gy: float, n: int = 25, date: str = "2022-03-01", metric: str = "Max[Gy]") -> str:
    return f'[[earlier]]\norgan = "{organ}"\nmetric = "{metric}"\ndose_gy = {gy}\nfractions = {n}\ndate = {date}\n'


def beside_the_cord(rx_gy: float = 35.0) -> tuple[Scene, ...]:
    ptv = Ellipsoid((-26, 68, 0), (14, 14, 16))
    scene = after_conventional()[0].with_(**named(ORGANS, THORAX), PTV_lung=ptv, GTV_lung=grown(ptv, -4))
    return (replace(scene, dose=shot(ptv, rx_gy), prescriptions_gy={"PTV_lung": rx_gy}),)


SCENARIOS = (
    Scenario(
        "sum three lesions in two plans",
        three_lesions_two_plans,
        GOOD,
        "Three lesions of one course, far from every serial organ, lungs spared",
        claims=(
            Claim("PTV1_lung", "D95%", 49.5, 51.5),
            Claim("PTV3_lung", "D95%", 49.5, 51.5, plan=1),
            Claim("SpinalCord", "D0.035cc", 0, 5),
        ),
        case=SAME_SESSIONS,
    ),
    Scenario(
        "sum after 50 in 25 elsewhere in the chest",
        after_conventional,
        GOOD,
        "A new peripheral lesion three years after radiotherapy of the mediastinum: the organs of then get next to nothing now",
        claims=(Claim("SpinalCord", "D0.035cc", 0, 3), Claim("Esophagus", "D0.035cc", 0, 6)),
        case=earlier("SpinalCord", 30.0) + earlier("Esophagus", 45.0),
    ),
    Scenario(
        "sum two lungs one after the other",
        lambda: plans(({"PTV1_lung": FIRST}, {"PTV3_lung": THIRD}), 48.0, 4),
        GOOD,
        "One lesion in each lung, treated one after the other",
        claims=(Claim("PTV1_lung", "D95%", 47.5, 49.5), Claim("PTV3_lung", "D95%", 47.5, 49.5, plan=1)),
        case=SEQUENTIAL,
    ),
    Scenario(
        "sum two plans that meet at the cord",
        both_beside_the_cord,
        FAIL,
        "Each plan keeps the cord; given in the same sessions the two together exceed every limit",
        deciding=("SpinalCord",),
        claims=(Claim("SpinalCord", "D0.035cc", 20, 25), Claim("SpinalCord", "D0.035cc", 20, 25, plan=1)),
        case=SAME_SESSIONS,
    ),
    Scenario(
        "sum cord after 50 in 25",
        beside_the_cord,
        MARGINAL_AT_LEAST,
        "The cord had 45 Gy and gets 20 more in five: a physician decides, not a program",
        deciding=("SpinalCord",),
        claims=(Claim("SpinalCord", "D0.035cc", 15, 24),),
        case=earlier("SpinalCord", 45.0),
    ),
    Scenario(
        "sum one plan twice over the same lesion",
        lambda: plans(({"PTV1_lung": FIRST}, {"PTV1_lung": FIRST}), 50.0, 5),
        NOT_A_PASS,
        "Two full courses to one target and nobody says that it is a boost",
        deciding=("same dose",),
        case=SEQUENTIAL,
    ),
)
