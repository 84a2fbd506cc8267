"""Adapters for the graders that people run: each takes what that hands over, and says what `gradcheck.explained` does."""
