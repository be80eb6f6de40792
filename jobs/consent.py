"""What a person agrees to before a face is put anywhere. The wording is recorded with every job.

The pages translate it: of a person that wording is recorded which they read.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

STATEMENT = _("I have the right to use this face and this video.")
OPERATOR = "The operator has the right to use the faces and videos sent with this key."
KEY_HOLDER = _("I have the right to use every face and every video that is sent with this key.")
