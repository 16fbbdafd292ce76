"""What the processes that work for the server get of its environment: named names, so that no secret reaches them which
nobody has thought of. What an engine needs of its own stands in its `Spec.environment`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

NAMES = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP", "NO_COLOR", "NODE_ENV"),
        *("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "VIRTUAL_ENV"),
        # What torch compiles with
        *("CC", "CXX", "CPATH", "LIBRARY_PATH", "LDFLAGS", "CFLAGS", "CXXFLAGS"),
        # The way out, and whom to trust there
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        # The models' cache
        *("HF_HOME", "HF_ENDPOINT", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE", "TRANSFORMERS_OFFLINE"),
    )
)
PREFIXES = (
    *("LC_", "XDG_", "PYTHON", "MALLOC_", "OTEL_", "HF_HUB_", "HF_XET_", "DIFFUSERS_", "SAFETENSORS_"),
    *("CUDA_", "CUBLAS_", "CUDNN_", "NVIDIA_", "NCCL_", "HIP_", "HSA_", "ROCM_", "ROCR_", "AMD_", "MIOPEN_", "ZE_"),
    *("OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "VECLIB_", "NUMEXPR_"),
    *("TORCH", "PYTORCH_", "TRITON_", "GLOO_", "RCCL_"),
)
_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|PRIVATE")
"""Such a name passes only where it is named in full, here or by the user."""


def inherited(environment: Mapping[str, str], more: Iterable[str] = ()) -> dict[str, str]:
    """The part of `environment` that is passed on; a name has no case. `more`: names of the user's, and with `*` at the
    end their beginnings."""
    own = [name.upper() for name in more]
    names = NAMES | {name for name in own if not name.endswith("*")}
    beginnings = tuple(name[:-1] for name in own if name.endswith("*"))

    def passes(name: str) -> bool:
        if name in names or (beginnings and name.startswith(beginnings)):
            return True
        return name.startswith(PREFIXES) and not _SECRET.search(name)

    return {name: value for name, value in environment.items() if passes(name.upper())}
