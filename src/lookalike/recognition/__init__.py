"""The core: a recogniser, and what follows from its matches. No scikit-learn."""
