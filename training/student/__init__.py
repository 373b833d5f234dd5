"""What training and conversion share: the student, its contract and its arithmetic."""
