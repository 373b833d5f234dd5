"""From a trained student to artefacts: rehearsal before training, export, search under an accuracy budget."""
