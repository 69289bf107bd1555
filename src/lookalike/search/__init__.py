"""Which images are nearest: matchers, and what they find. Arrays and class codes alone, no scikit-learn."""
