# Copyright: octo-tentacle contributors
# Apache License 2.0 (see https://www.apache.org/licenses/LICENSE-2.0)
"""Runs octo-tentacle on the host, and understands what it answers.

Command lines, exit codes and JSON are those of docs/scripting.md and docs/json.md.
"""
from __future__ import absolute_import, division, print_function
__metaclass__ = type

import json
import re

# Exit codes. With any other, nothing was changed.
DONE = 0
UNFINISHED = 3  # something was changed, but not everything, or it is not in effect


def program_options():
    """The options of every module."""
    return dict(
        executable=dict(type='str', default='octo-tentacle'),
        instance=dict(type='str'),
        config=dict(type='path'),
        server=dict(type='str'),
        api_key=dict(type='str', no_log=True),
        api_key_file=dict(type='path', no_log=False),
        access_token=dict(type='str', no_log=True),
        ca_file=dict(type='path'),
        validate_certs=dict(type='bool', default=True),
        timeout=dict(type='str'),
    )


EXCLUSIVE = [('instance', 'config'), ('api_key', 'api_key_file', 'access_token')]


def change_options():
    """The options of modules that change something."""
    return dict(
        program_options(),
        allow_unreachable=dict(type='bool', default=False),
        force=dict(type='bool', default=False),
        wait_healthy=dict(type='bool', default=False),
        restart=dict(type='bool', default=True),
        restart_wait=dict(type='str'),
        restart_splay=dict(type='str'),
        confirm=dict(type='str'),
        backup=dict(type='bool', default=True),
        reason=dict(type='str'),
    )


class Answer(object):
    """What the program answered."""

    def __init__(self, code, out, err):
        self.code = code
        self.warnings, self.failure = messages(err)
        self.json = object_of(out)


def object_of(text):
    """The JSON object in a text; None for anything else."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def messages(err):
    """The warnings, and the failure with what to do about it.

    A message begins with one of two words. What follows, up to the next one, is of it.
    """
    warnings, failure = [], []
    lines = failure  # what is written before any message, such as a panic, is a failure
    for line in err.splitlines():
        if line.startswith('warning: '):
            lines = [line[len('warning: '):]]
            warnings.append(lines)
        elif line.startswith('octo-tentacle: '):
            lines = failure
            lines.append(line[len('octo-tentacle: '):])
        else:
            lines.append(line)
    return ['\n'.join(one) for one in warnings], '\n'.join(failure).strip()


class Program(object):
    """octo-tentacle as the options of a module choose it."""

    def __init__(self, module):
        self.module = module
        self.executable = self._find(module.params['executable'])

    def _find(self, name):
        path = self.module.get_bin_path(name, opt_dirs=['/usr/local/bin'])
        if path is None:
            self.module.fail_json(msg='octo-tentacle was not found on the host as %s: install it, '
                                      'for example with the role octo_tentacle.tentacle.octo_tentacle, '
                                      'or give its path as executable' % name)
        return path

    def run(self, command, arguments=(), text=None):
        """Runs a command. A text is its standard input."""
        argv = [self.executable, command, '--format=json'] + list(arguments)
        code, out, err = self.module.run_command(
            argv, data=text, binary_data=True, environ_update=self._environment(), encoding='utf-8')
        return Answer(code, out, err)

    def ask(self, command, arguments=(), text=None):
        """Runs a command about the Tentacle and the server of the options, and warns of what it warns of."""
        answer = self.run(command, self._tentacle() + self._server() + list(arguments), text)
        self.warn(answer.warnings)
        return answer

    def trusted(self, found):
        """What list-servers prints of a Tentacle that was found; nothing if that cannot be read."""
        return self.run('list-servers', [tentacle_of(found)]).json or {}

    def change(self, command, arguments=(), text=None):
        """Runs a command that changes something, or in check mode would, and ends the module."""
        answer = self.run(command, self._tentacle() + self._server() + list(arguments) + self._change(), text)
        result = answer.json
        if result is None or 'outcome' not in result:
            self.warn(answer.warnings)
            self._fail(answer, changed=answer.code == UNFINISHED)
        values = dict(changed=bool(result.get('changed')), result=result, outcome=result['outcome'],
                      restart_pending=restart_pending(result), diff=difference(result))
        if answer.code == DONE and not values['changed']:
            answer = self._finish(answer, values)
        self.warn(answer.warnings)
        if answer.code != DONE:
            self._fail(answer, **values)
        self.module.exit_json(**values)

    def _finish(self, answer, values):
        """Does the restart that an earlier run has left, because it had to wait for a deployment."""
        result = values['result']
        values['restart_pending'] = bool((self.trusted(result).get('service') or {}).get('restartPending'))
        if not values['restart_pending'] or not self.module.params['restart']:
            return answer
        answer.warnings = [one for one in answer.warnings if 'a restart is pending' not in one]
        if self.module.check_mode:
            values.update(changed=True, outcome='would-change')
            return answer
        restart = self.run('restart-service', [tentacle_of(result)] + self._restart())
        restart.warnings = answer.warnings + restart.warnings
        done = restart.code == DONE
        values.update(changed=done, outcome='changed' if done else 'restart-pending', restart_pending=not done)
        return restart

    def warn(self, warnings):
        """Warns as Ansible does."""
        for warning in warnings:
            self.module.warn(warning)

    def _fail(self, answer, **values):
        message = without_lines(answer.failure) or 'octo-tentacle ended with exit code %d and said nothing' % answer.code
        if answer.code == DONE:
            message = '%s printed no JSON of octo-tentacle: is it that program, and new enough?' % self.executable
        self.module.fail_json(msg=message, rc=answer.code, **values)

    def refuse(self, answer):
        """Ends the module with the message of a command that changes nothing."""
        self._fail(answer, changed=False)

    def _tentacle(self):
        return [option(name, self.module.params[name]) for name in ('instance', 'config') if self.module.params[name] is not None]

    def _server(self):
        params, arguments = self.module.params, []
        for name, param in (('server', 'server'), ('apikey-file', 'api_key_file'), ('ca-file', 'ca_file'), ('timeout', 'timeout')):
            if params[param] is not None:
                arguments.append(option(name, params[param]))
        if not params['validate_certs']:
            arguments.append('--ignoreSslErrors')
        return arguments

    def _environment(self):
        """Credentials are in the environment alone: every user of the host can see command lines."""
        environment = {'NO_COLOR': '1'}
        if self.module.params['api_key']:
            environment.update(OCTOPUS_API_KEY=self.module.params['api_key'], OCTOPUS_ACCESS_TOKEN='')
        if self.module.params['access_token']:
            environment.update(OCTOPUS_ACCESS_TOKEN=self.module.params['access_token'], OCTOPUS_API_KEY='')
        if self.module.params.get('space'):
            environment['OCTOPUS_SPACE'] = self.module.params['space']
        return environment

    def _restart(self):
        """Options of commands that restart."""
        names = [name for name in ('restart_wait', 'restart_splay', 'confirm', 'reason') if self.module.params[name] is not None]
        return [option(name.replace('_', '-'), self.module.params[name]) for name in names]

    def _change(self):
        params, arguments = self.module.params, self._restart()
        if not params['restart']:
            arguments.append('--no-restart')
        if not params['backup']:
            arguments.append('--no-backup')
        if self.module.check_mode:
            arguments.append('--dry-run')
        return arguments

    def flags(self, *names):
        """The options of these names that are true."""
        return ['--' + name.replace('_', '-') for name in names if self.module.params[name]]


def tentacle_of(found):
    """The option that chooses the Tentacle of an answer."""
    if found['instance']:
        return option('instance', found['instance'])
    return option('config', found['configuration'])


def without_lines(message):
    """A message about a definition, without the line of a text that its author does not know."""
    return re.sub(r'standard input, line \d+: ', 'definition: ', message)


def option(name, value):
    """An option with its value."""
    return '--%s=%s' % (name, value)


def restart_pending(result):
    """Whether the service still uses what was there before the change."""
    service = result.get('service') or {}
    if result.get('outcome') == 'restart-pending':
        return True
    if result.get('outcome') != 'changed' or service.get('state') not in ('running', 'starting', 'crashing'):
        return False
    started = set(result.get('actions') or []) & set(['start', 'restart'])
    return not (started or service.get('restarted') or service.get('scheduled'))


def difference(result):
    """What is there before and after, for --diff: a list, as Ansible takes it."""
    before, after = servers(result)
    for setting in result.get('settings') or []:
        if setting['value'] is None:
            before.append(setting['key'])
        else:
            after.append('%s = %s' % (setting['key'], setting['value']))
    for registration in result.get('registrationChanges') or []:
        was, now = registration_lines(registration)
        before, after = before + was, after + now
    if result.get('created'):
        after.append('configuration %s' % result['configuration'])
    if result.get('index'):
        after.append('index file %s' % result['index'])
    after += ['service %s: %s' % (result['service']['name'], action) for action in result.get('actions') or []]
    differences = [dict(before_header=result['configuration'], after_header=result['configuration'],
                        before=text_of(before), after=text_of(after))]
    if result.get('difference'):
        differences.append(dict(prepared=result['difference']))
    return differences


def servers(result):
    """The trusted servers before and after, in an order that does not depend on what changes."""
    before = [server_line(one) for one in result['unchanged'] + result['removed'] + result['updated']]
    after = [server_line(one) for one in result['unchanged'] + result['added']]
    after += ['%s  %s' % (server_line(one), one['subscription']) for one in result['updated']]
    return sorted(before), sorted(after)


def server_line(server):
    """A trusted server as list-servers prints it."""
    return '%s  %s' % (server['address'] or server['style'], server['thumbprint'])


def registration_lines(registration):
    """What changes in a registration, before and after."""
    name = '%s %s in space %s' % (registration['kind'], registration['name'], registration['space'])
    before, after = [], []
    if registration['action'] == 'created':
        after.append(name)
    for change in registration['changes']:
        for lines, values in ((before, change['before']), (after, change['after'])):
            if values:
                lines.append('%s, %s: %s' % (name, change['field'], ', '.join(values)))
    return before, after


def text_of(lines):
    """A text of lines."""
    return ''.join(line + '\n' for line in lines)
