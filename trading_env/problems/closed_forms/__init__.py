"""Problems with an optimum in closed form, against which environments and learners are tested.

Pure mathematics on numpy arrays, without environments, markets or learners.
"""
