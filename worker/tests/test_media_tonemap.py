"""HDR is compared with the standards' formulas, worked out here by numbers of their own."""

from __future__ import annotations

from functools import cache

import av
import numpy as np
import pytest

from worker.media.picture import HD
from worker.media.plain import Plain
from worker.tests.hdrlight import BT2020_OF_BT709, hlg, pq, signal_of

PQ, HLG, SDR10 = 16, 18, 14
PATCH = (64, 64)


def frame_of(codes, trc):
    """Return a flat frame of 10-bit BT.2020 with those Y, Cb, Cr."""
    frame = av.VideoFrame(*PATCH, "yuv420p10le")
    for plane, code in zip(frame.planes, codes, strict=True):
        np.frombuffer(plane, np.uint16)[:] = round(code)
    frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range = 9, 9, trc, 1
    return frame


@cache
def plain(trc):
    """Working its table out takes a while."""
    return Plain(frame_of(grey(0.5), trc), None)


def shown(frame, how=None):
    """Return the Y, Cb, Cr that the frame becomes."""
    picture = (how or plain(int(frame.color_trc))).picture(frame)
    return [float(plane.mean()) for plane in picture.planes]


def grey(signal):
    return 64 + 876 * signal, 512, 512


def video_range(rgb):
    """Return Y, Cb, Cr of a BT.709 signal: ITU-R BT.709-6, items 3.2 to 3.4."""
    luma = rgb @ (0.2126, 0.7152, 0.0722)
    return 16 + 219 * luma, 128 + 224 * (rgb[2] - luma) / 1.8556, 128 + 224 * (rgb[0] - luma) / 1.5748


def bt2390(light, peak):
    """Return what is shown on a display of 203 cd/m2: ITU-R BT.2390-11, 5.4.1.1, with black at 0."""
    top = pq(peak)
    most = pq(203) / top
    knee = 1.5 * most - 0.5
    level = pq(light) / top
    if level >= knee:
        t = (level - knee) / (1 - knee)
        level = (
            (2 * t**3 - 3 * t**2 + 1) * knee
            + (t**3 - 2 * t**2 + t) * (1 - knee)
            + (-2 * t**3 + 3 * t**2) * most
        )
    power = (level * top) ** (1 / 78.84375)  # BT.2100-2, table 4: the EOTF
    return 10_000 * ((power - 0.8359375) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)


@pytest.mark.parametrize("light", [0.1, 1, 10, 50, 92, 203, 400, 700, 1000])
@pytest.mark.parametrize(("trc", "encode"), [(PQ, pq), (HLG, lambda light: hlg(np.full(3, light))[0])])
def test_greys_follow_the_curve(trc, encode, light):
    expected = 16 + 219 * (bt2390(light, 1000) / 203) ** (1 / 2.4)

    luma, blue, red = shown(frame_of(grey(encode(light)), trc))

    assert luma == pytest.approx(expected, abs=1.5)
    assert (blue, red) == pytest.approx((128, 128), abs=1)


def test_known_levels():
    """ITU-R BT.2408-7, table 1: reference white is 58 % of PQ and 75 % of HLG, middle grey 38 % of both."""
    whites = [shown(frame_of(grey(level), trc))[0] for trc, level in ((PQ, 0.58), (HLG, 0.75))]
    greys = [shown(frame_of(grey(0.38), trc))[0] for trc in (PQ, HLG)]

    assert whites == pytest.approx([213.5, 213.8], abs=2)  # 90 % of SDR: a little room for what is brighter
    assert greys == pytest.approx([109, 108], abs=3)  # 26 cd/m2 of 203: 42 %


@pytest.mark.parametrize("trc", [PQ, HLG, SDR10])
@pytest.mark.parametrize(
    "rgb", [(150, 80, 60), (190, 150, 130), (60, 90, 140), (70, 120, 60), (120, 120, 40)]
)
def test_colours_that_sdr_has_too_come_back_as_they_are(trc, rgb):
    rgb = np.array(rgb, float)
    signal = signal_of(rgb, trc)
    luma = signal @ (0.2627, 0.6780, 0.0593)
    codes = (
        64 + 876 * luma,
        512 + 896 * (signal[2] - luma) / 1.8814,
        512 + 896 * (signal[0] - luma) / 1.4746,
    )

    assert shown(frame_of(codes, trc)) == pytest.approx(video_range(rgb / 255), abs=2)


@pytest.mark.parametrize("trc", [PQ, HLG, SDR10])
def test_the_result_is_tagged_as_what_it_is(trc):
    assert plain(trc).colour == HD


def test_a_colour_that_sdr_lacks_keeps_its_lightness():
    pure_green = np.array([0.0, 1, 0])  # of BT.2020
    luma = 64 + 876 * 0.678 * 0.5
    codes = (luma, 512 - 896 * 0.678 * 0.5 / 1.8814, 512 - 896 * 0.678 * 0.5 / 1.4746)
    linear = (pure_green * 0.5) ** 2.4
    own_luminance = (np.linalg.inv(BT2020_OF_BT709) @ linear) @ (0.2126, 0.7152, 0.0722)

    y, cb, cr = shown(frame_of(codes, SDR10))

    rgb = np.clip(rgb_of(y, cb, cr), 0, 1)
    assert (rgb**2.4) @ (0.2126, 0.7152, 0.0722) == pytest.approx(own_luminance, rel=0.06)
    assert rgb.min() < 0.12  # as green as BT.709 can


def rgb_of(y, cb, cr):
    luma, blue, red = (y - 16) / 219, (cb - 128) / 224, (cr - 128) / 224
    r, b = luma + 1.5748 * red, luma + 1.8556 * blue
    return np.array([r, (luma - 0.2126 * r - 0.0722 * b) / 0.7152, b])


LIGHTS = "master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L({}0000,1)"


@pytest.mark.parametrize(
    ("said", "peak"),
    [("", 1000), (LIGHTS.format(4000), 4000), (LIGHTS.format(4000) + ":max-cll=600,100", 600)],
)
def test_the_curve_ends_where_the_clip_says_its_light_does(tmp_path, said, peak):
    path = tmp_path / "hdr.hevc"
    with av.open(str(path), "w") as output:
        params = ":".join(filter(None, ["log-level=none", said]))
        track = output.add_stream("libx265", rate=25, options={"preset": "ultrafast", "x265-params": params})
        track.width, track.height = PATCH
        track.pix_fmt = "yuv420p10le"
        context = track.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = 9, 9, PQ, 1
        output.mux(track.encode(frame_of(grey(pq(203)), PQ)))
        output.mux(track.encode(None))
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))

    assert shown(frame, Plain(frame, None))[0] == pytest.approx(
        16 + 219 * (bt2390(203, peak) / 203) ** (1 / 2.4), abs=1.5
    )
