"""What an answer is worth: evaluate one idea, compare several."""
