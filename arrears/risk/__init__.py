"""Portrait, risk and payment time (P0.2 … P0.4).

`features` names what a portrait holds; `portrait` computes it in SQL; `population` makes the marked
simulated history that the first model learns from; `training`, `survival` and `calibration` make a
model; `registry` keeps its files and checks them; `scoring` asks it. No module here loads XGBoost
before it is asked to, so that a web process may import any of them.
"""
