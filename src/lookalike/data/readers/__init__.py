"""What reads labelled images, a file for each format; it knows nothing of known sets, splits or export."""
