"""Scenarios that the program does not yet judge as the policy asks. Only ever shorter."""

from __future__ import annotations

NOT_YET: frozenset[str] = frozenset(
    {
        "lung base 48 in 4 beside a liver drawn in part",
        "lung far from the mediastinum with five organs drawn",
        "lung with the skin drawn as a ring",
        "lung computed in water",
        "lung skin at 50 Gy in 3",
        "lung oesophagus drawn as the heart",
        "lung cord of one slice",
        "lung cord ends below the target",
        "lung tumour of 5.2 cm in 3",
        "lung a second volume at the prescription",
        "lung dose grid saturated",
        "liver dome 45 in 3",
        "liver 50 in 5 cut back at bowel",
        "liver bowel in the target, drawn as one",
        "adrenal 50 in 5 with the bowel in the target",
        "adrenal 45 in 5 with the duodenum named Bowel",
        "adrenal right without duodenum and kidneys",
        "adrenal not understood structure at 30 Gy",
        "spine S2 30 in 5",
        "spine C5 30 in 5",
        "spine L3 without the kidneys",
        "spine of unknown level",
        "bone femoral head 30 in 3",
        "bone ilium with only a cord",
        "bone of unknown place",
        "bone rectum and bladder missing at the acetabulum",
        "node retroperitoneal 35 in 5",
        "node pelvic with bowel and bladder in the target",
        "node pelvic with a duodenum 20 cm away",
        "node retroperitoneal with colon for small bowel",
        "sum after 50 in 25 elsewhere in the chest",
        "scope brain 27 in 3",
        "scope birth date that differs between the files",
        "scope pancreas 40 in 5",
    }
)
