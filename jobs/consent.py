"""What a person agrees to before a face is put anywhere. The wording is recorded with every job."""

from __future__ import annotations

STATEMENT = "I have the right to use this face and this video."
OPERATOR = "The operator has the right to use the faces and videos sent with this key."
KEY_HOLDER = "I have the right to use every face and every video that is sent with this key."
