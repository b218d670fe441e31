"""Mathematics of images, features and figures: nothing here knows a run."""
