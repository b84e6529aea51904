"""Problems whose optimum is known in closed form: what an environment and a learner can be held to.

Pure mathematics on numpy arrays. Nothing here knows an environment, a market table or a learner.
"""
