"""What happens when the files of a plan are damaged, hostile or contradictory: every case here is executed."""
