"""A recording in, a result out: intake, queue, processing, pipeline, engines, retention."""
