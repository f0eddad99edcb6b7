#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: octo-tentacle contributors
# Apache License 2.0 (see https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import absolute_import, division, print_function
__metaclass__ = type

DOCUMENTATION = r'''
module: check
short_description: Find out whether a Tentacle is right for an Octopus Server cluster
version_added: 1.0.0
description:
  - Looks at the configuration, the certificate, the service and every polled port, and changes nothing.
  - With I(server) and a key, looks at the registration and the nodes of the cluster as well.
  - With I(definition) or I(src), compares the Tentacle with that. Each difference is a problem.
  - Returns what it found. It fails because of that only if I(fail_on) or I(require) say so, and always if it cannot look.
options:
  fail_on:
    description: What makes the task fail. C(warning) stands for problems, too.
    type: str
    choices: [nothing, problem, warning]
    default: nothing
  require:
    description: >-
      Areas that have to be looked at, such as C(service) and C(ports). The task fails if one was not.
      C(octo-tentacle help check) lists them.
    type: list
    elements: str
extends_documentation_fragment:
  - octo_tentacle.tentacle.definition
  - octo_tentacle.tentacle.program
attributes:
  check_mode:
    description: Nothing is changed in any mode.
    support: full
  diff_mode:
    description: There is no difference to show.
    support: none
  facts:
    description: Returns facts, below C(ansible_facts.octo_tentacle).
    support: full
  platform:
    description: Where it runs.
    support: full
    platforms: linux
'''

EXAMPLES = r'''
- name: Look at this Tentacle
  octo_tentacle.tentacle.check:
  register: tentacle

- name: Fail if there is a problem, or if service or ports could not be looked at
  octo_tentacle.tentacle.check:
    fail_on: problem
    require: [service, ports]

- name: Ask the Octopus Server, too
  octo_tentacle.tentacle.check:
    server: https://octopus.example.com
    api_key: "{{ octopus_api_key }}"
    fail_on: problem

- name: Is it what the file says?
  octo_tentacle.tentacle.check:
    src: /etc/octopus/web/tentacle.yaml
    fail_on: problem
'''

RETURN = r'''
problems:
  description: What is wrong, a text for each problem.
  returned: always, unless it cannot look
  type: list
  elements: str
  sample: ["https://octo2.example.com:10943 does not respond"]
cautions:
  description: What may be wrong, a text for each warning of the program.
  returned: always, unless it cannot look
  type: list
  elements: str
report:
  description: >-
    The JSON of C(octo-tentacle check), as L(docs/json.md,https://github.com/octo-tentacle/octo-tentacle/blob/main/docs/json.md) describes it.
  returned: always, unless it cannot look
  type: dict
ansible_facts:
  description: What is known of the Tentacle that was looked at last.
  returned: always, unless it cannot look
  type: dict
  contains:
    octo_tentacle:
      description: The Tentacle.
      type: dict
      contains:
        version:
          description: Version of octo-tentacle.
          type: str
        instance:
          description: Name of the instance; empty for a configuration that belongs to none.
          type: str
        configuration:
          description: The configuration file.
          type: str
        thumbprint:
          description: Thumbprint of the Tentacle; empty if its configuration cannot be read.
          type: str
        servers:
          description: The trusted servers, each with its style, address, thumbprint and subscription.
          type: list
          elements: dict
        service:
          description: Name and state of the service, and since when it runs.
          type: dict
        summary:
          description: Numbers of findings that are ok, skipped, warnings and problems.
          type: dict
rc:
  description: Exit code of the program. 4 means that it could not look.
  returned: failure
  type: int
'''

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.octo_tentacle.tentacle.plugins.module_utils.definition import definition_options, given
from ansible_collections.octo_tentacle.tentacle.plugins.module_utils.program import EXCLUSIVE, Program, option, program_options, without_lines


def main():
    module = AnsibleModule(
        argument_spec=dict(
            dict(program_options(), **definition_options()),
            fail_on=dict(type='str', choices=['nothing', 'problem', 'warning'], default='nothing'),
            require=dict(type='list', elements='str', default=[]),
        ),
        mutually_exclusive=EXCLUSIVE + [('definition', 'src')],
        supports_check_mode=True,
    )
    program = Program(module)
    file, text = given(module.params)
    answer = program.ask('check', file + [option('require', area) for area in module.params['require']], text)
    report = answer.json
    if report is None or 'findings' not in report:
        program.refuse(answer)
    problems, cautions = found(report, 'problem'), found(report, 'warning')
    values = dict(changed=False, problems=problems, cautions=cautions, report=report,
                  ansible_facts=dict(octo_tentacle=facts(report, program.trusted(report))))
    fail_on = module.params['fail_on']
    wrong = problems if fail_on == 'problem' else problems + cautions if fail_on == 'warning' else []
    if report['missing']:
        wrong = wrong + ['not looked at, but required: %s' % ', '.join(report['missing'])]
    if wrong:
        module.fail_json(msg='\n'.join(wrong), rc=answer.code, **values)
    module.exit_json(**values)


def found(report, level):
    """The findings of a level, in words."""
    return [without_lines(one['what']) for one in report['findings'] if one['level'] == level]


def facts(report, servers):
    """What is known of the Tentacle."""
    return dict(
        version=report['version'], instance=report['instance'], configuration=report['configuration'],
        service=report['service'], summary=report['summary'],
        thumbprint=servers.get('thumbprint', ''), servers=servers.get('servers', []))


if __name__ == '__main__':
    main()
