"""From photos and masks on disk to the pairs that a student is taught and judged with."""
