"""Put the face of a photo into a video, on the CPU.

The photo is bent onto the 478 points of the face in each frame, matched to its light, and mixed in; motion,
expression, mouth and sound stay the video's. Pictures are video-range YUV 4:2:0 planes throughout (see
`worker.media.picture`): luma at full size, chroma at half. "Own" is what belongs to the video's face, "new"
what will stand in its place.
"""
