"""How good a student is: judged by masks that it has not seen, with how sure the figures are, and where it fails."""
