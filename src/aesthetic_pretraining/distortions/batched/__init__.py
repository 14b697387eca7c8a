"""The native engine's variants as batched tensor code, the same for CPU and CUDA: they are rendered where the network trains.

philox       the random numbers of both noises, the same integers on every device
resample     resizing with the integer weights of torch and of Pillow
geometry     what depends on a photo's shape alone, computed once per shape
parcel       what a loader sends of a photo: its pixels, and what only the CPU's libraries make
technical, style, composition   the distortions
render       parcels -> pictures

Nothing in here reads a tensor back or decides by its values, so a GPU never waits. docs/distortions.md says how far each
distortion is from the native engine's.
"""
