"""Who labels photos: each teacher a module behind one protocol, and labelling as a job."""
