"""OpenTimelineIO adapters for formats that have none: REAPER projects. ``plugin_manifest.json`` makes OTIO find them."""
