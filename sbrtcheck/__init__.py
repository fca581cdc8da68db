"""sbrtcheck: SBRT dose-fractionation calculator and plan checker."""
