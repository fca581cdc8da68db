"""docs/rules.md from the guideline files: ``python docs/build_rules.py > docs/rules.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from sbrtcheck.tables import schemes
from sbrtcheck.tables.disease_state import leaves
from sbrtcheck.tables.guideline import Guideline, load_guideline
from sbrtcheck.tables.neighbours import load_lesion_counts, load_neighbours

HOW = {
    "automatic": "evaluated automatically",
    "case_file": "from the case file",
    "confirm": "for a person to confirm",
}

PAGE = """\
# The guideline's rules and how each is judged

Generated from `constraints/guideline/`; do not edit by hand (`python docs/build_rules.py > docs/rules.md`).

{title}. {citation}. In our own words; nothing here is a quotation.

Status: **abstract** = stated in the published abstract or a public summary that was read; **unverified** = recollected
from the full text, which was not available for checking; **secondary** = read in a review; **verified** = read in the
paper by somebody who says so in the file.

{rules}

## What a status does to the verdict

{weights}

INFORMATION contributes nothing: a PASS never rests on a rule that nobody has read in the paper. Changing `status` in
the file changes this weight and nothing else.

## BED10 tiers of a lesion's prescription

- above {high:g} Gy: nothing ({high_rule}).
- {low:g} to {high:g} Gy: nothing when the scheme is published for that site with definitive intent; else MARGINAL,
  whatever the status: {between}.
- below {low:g} Gy: nothing when published likewise; else {low_rule} is missed: {below}.
- {palliative} are named palliative-range dose ({palliative_origin}) and never match.

Published means: one of the rows of `constraints/schemes.csv` ({n_schemes} rows) with role `definitive`, prescribed at
the edge of the target, or inside a published range (total dose, number of fractions and dose per fraction between its
ends). Palliative arms, comparison arms, boosts, doses at the isocentre and schemes that their authors advise against
never match. Dose prescribed elsewhere moves the number: SPACE 66/3 at the isocentre is 45/3 at the edge of the PTV.

## What a course is called ({kind_origin})

SBRT: up to {n_sbrt} fractions of {d_sbrt:g} Gy or more (whether within {n_us} fractions is said as well);
hypofractionated: above {d_hypo:g} Gy per fraction otherwise; conventional: the rest. A
case file can set others (`[classification]`); what a course is called by these then stands beside it, and is what
published schemes are looked up by.

## Definitions

{definitions}

States of the ESTRO/EORTC tree: {leaves}.

## Neighbour guidelines

Cited as themselves; none of them changes the verdict of a rule above.

{neighbours}

## Lesion counts of other sources

OM-3 decides; these are information.

{counts}
"""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def render_rules_page(book: Guideline | None = None) -> str:
    """The whole page as Markdown. It carries no date, so that making it again gives no difference."""
    book = book or load_guideline()
    tiers, kind, palliative = (book.policy[key] for key in ("tiers", "classification", "palliative"))
    return PAGE.format(
        title=book.title,
        citation=book.citation,
        rules=_table(
            ("rule", "KQ", "in our words", "strength", "status", "judged", "what the checker does"),
            (
                (
                    r.id,
                    str(r.key_question),
                    r.text,
                    r.strength or "not read",
                    f"{r.status} ({r.status_note})" if r.status_note else r.status,
                    HOW[r.evaluation],
                    r.checker,
                )
                for r in book.rules
            ),
        ),
        weights=_table(
            ("status", "met", "missed", "what missed does to the outcome"),
            ((s, w.met_verdict, w.missed_verdict, w.missed_outcome) for s, w in book.weights.items()),
        ),
        low=book.rule(tiers["low_rule"]).threshold("low_bed10_gy"),
        high=book.rule(tiers["high_rule"]).threshold("above_bed10_gy"),
        low_rule=tiers["low_rule"],
        high_rule=tiers["high_rule"],
        between=tiers["between_text"],
        below=tiers["below_text"],
        palliative=", ".join(palliative["schemes"]),
        palliative_origin=palliative["origin"],
        n_schemes=len(schemes.load_schemes()),
        kind_origin=kind["origin"],
        n_sbrt=kind["sbrt_max_n_fractions"],
        d_sbrt=kind["sbrt_min_dose_per_fraction_gy"],
        n_us=kind["sbrt_us_max_n_fractions"],
        d_hypo=kind["hypofractionated_above_dose_per_fraction_gy"],
        definitions="\n".join(f"- {term}: {text} ({status})" for term, text, status in book.definitions),
        leaves="; ".join(leaves()),
        neighbours=_table(
            ("id", "source", "fact", "status"), ((f.id, f.source, f.text, f.status) for f in load_neighbours())
        ),
        counts=_table(
            ("source", "limit", "counted how", "status"),
            ((c.source, c.limit, c.counted, c.status) for c in load_lesion_counts()),
        ),
    )


if __name__ == "__main__":
    sys.stdout.write(render_rules_page())
