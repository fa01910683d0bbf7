"""Where Ray's autoscaler finds our node provider: `module: runner.scaling.Provider`.

Ray starts its monitor as a script, and so the folder of that script comes first on the path: `autoscaler` would be a file of Ray's.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from autoscaler.provider import Provider

# It complains at every pass about two fields that it has put into the configuration itself.
logging.getLogger("ray.autoscaler._private.util").setLevel(logging.ERROR)

__all__ = ["Provider"]
