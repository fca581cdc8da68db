"""Clinical scenarios: plans of arrays, each with the outcome and the reason that a physicist would give."""
