"""Group disparity: values by group, differences and ratios, with intervals that know of the clusters."""
