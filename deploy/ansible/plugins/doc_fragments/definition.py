# Copyright: octo-tentacle contributors
# Apache License 2.0 (see https://www.apache.org/licenses/LICENSE-2.0)
"""What several modules say about a definition."""
from __future__ import absolute_import, division, print_function
__metaclass__ = type


class ModuleDocFragment(object):
    """What is the same in the documentation of modules that take a definition."""

    DOCUMENTATION = r'''
options:
  definition:
    description:
      - What the Tentacle should be, with the keys of the file that C(octo-tentacle apply) reads, which
        L(docs/apply.md,https://github.com/octo-tentacle/octo-tentacle/blob/main/docs/apply.md) describes.
      - Paths in it are of the host, and have to be absolute. It holds no secrets, but names the files that do.
    type: dict
  src:
    description: File on the host with the definition, in YAML.
    type: path
  space:
    description: Space of registrations that name none, if the definition names none either.
    type: str
'''
