"""What several tests share and no fixture can be."""

from __future__ import annotations
