"""Tables of the site itself: Django looks for all of them here."""

from faceswap_site.guesses import Guesses as Guesses
