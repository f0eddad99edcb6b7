#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: octo-tentacle contributors
# Apache License 2.0 (see https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import absolute_import, division, print_function
__metaclass__ = type

DOCUMENTATION = r'''
module: tentacle
short_description: Make a Tentacle what a definition says
version_added: 1.0.0
description:
  - Runs C(octo-tentacle apply). Instance, certificate, settings, nodes, registrations and service
    become what is named in the definition. What is not named is left alone.
  - On a fresh machine that is the whole setup. Run again, it changes nothing.
  - A failure after a change was made, such as a restart that has to wait, has C(changed) set. The next run finishes it.
options:
  registrations:
    description: Whether to register. C(false) leaves the registrations of the definition alone, so that no key is needed.
    type: bool
    default: true
extends_documentation_fragment:
  - octo_tentacle.tentacle.definition
  - octo_tentacle.tentacle.program
  - octo_tentacle.tentacle.program.change
'''

EXAMPLES = r'''
- name: A polling Tentacle, registered in Production
  octo_tentacle.tentacle.tentacle:
    server: https://octopus.example.com
    api_key: "{{ octopus_api_key }}"
    definition:
      instance: web
      configuration: /etc/octopus/web/Tentacle.config
      certificate: if-blank
      communication: polling
      nodes:
        - https://octo1.example.com:10943
        - https://octo2.example.com:10943
        - https://octo3.example.com:10943
      registrations:
        - kind: target
          name: "{{ inventory_hostname }}"
          environments: [Production]
          roles: [web-server]
      service:
        install: true
        start: true

- name: What a file on the host says
  octo_tentacle.tentacle.tentacle:
    src: /etc/octopus/web/tentacle.yaml
    server: https://octopus.example.com
    api_key_file: /root/octopus.key
'''

RETURN = r'''
outcome:
  description: >-
    What happened. C(unchanged), C(changed), C(would-change) in check mode, C(restart-pending), C(undone) or C(failed).
  returned: if the program printed its result
  type: str
  sample: changed
restart_pending:
  description: Whether the service still uses what was there before the change.
  returned: if the program printed its result
  type: bool
result:
  description: The JSON of the command, as L(docs/json.md,https://github.com/octo-tentacle/octo-tentacle/blob/main/docs/json.md) describes it.
  returned: if the program printed its result
  type: dict
rc:
  description: Exit code of the program. 3 is a change that is not finished, or not in effect.
  returned: failure
  type: int
'''

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.octo_tentacle.tentacle.plugins.module_utils.definition import definition_options, given
from ansible_collections.octo_tentacle.tentacle.plugins.module_utils.program import EXCLUSIVE, Program, change_options


def main():
    module = AnsibleModule(
        argument_spec=dict(
            dict(change_options(), **definition_options()),
            registrations=dict(type='bool', default=True),
        ),
        mutually_exclusive=EXCLUSIVE + [('definition', 'src')],
        required_one_of=[('definition', 'src')],
        supports_check_mode=True,
    )
    params, program = module.params, Program(module)
    arguments = program.flags('allow_unreachable', 'wait_healthy', 'force')
    if not params['registrations']:
        arguments.append('--no-registrations')
    file, text = given(params)
    program.change('apply', arguments + file, text)


if __name__ == '__main__':
    main()
