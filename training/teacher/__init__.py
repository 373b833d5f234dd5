"""Teachers, which draw masks on photos. Each is one module behind one protocol; a job labels a folder with one."""
