"""Problems with a known optimum, through the environments."""
