"""scikit-learn classifiers, one idea a file."""
