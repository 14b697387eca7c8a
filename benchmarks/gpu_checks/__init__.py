"""The blocks of `make check-gpu`: each a function block(report, setting) that reports lines `name = value`.

standins     packages that a bare machine lacks
report       lines, bounds, limits of time, Markdown and JSON
setting      device, sizes, TF32, photos and networks that the blocks share
machine      versions and the card
agreement    losses and steps: the device against the CPU, twice equal, bfloat16
engine       the style distortions: the device against the CPU
trainers     whole small trainings, twice
speed        rates of the plain network, and of live input
memory       the joint batch's memory
paper_hours  what the paper's run would take at these rates
"""
