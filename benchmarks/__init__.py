"""Speed against peers, in the same run on the same images, as ratios: ``make bench``."""
