"""The suite, in the rooms of the package."""
