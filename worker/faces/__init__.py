"""Find faces and say where every part of them is.

Images are (H, W, 3) uint8 RGB. Points are float, (N, 2) in (x, y) or (N, 3) in (x, y, z) pixels; z grows
away from the camera, on the same scale as x. A pixel's centre has whole coordinates: (0, 0) is the centre
of the first one. Left and right are the image's, not the person's.
"""
