/**
 * Runs a command in this checkout under another kernel, which QEMU emulates: `npm run kernel -- [--on NAME] COMMAND`. It is
 * some twenty times slower, and ends with the exit code of the command. scripts/machines/machine.ts says what is there.
 */
import { Argument, Command, Option } from 'commander'

import { machineNames, runIn } from './machines/machine.js'

const command = new Command('npm run kernel --')
  .addOption(new Option('--on <name>', 'which machine, with which kernel').choices(machineNames).default('x86-64-6.1'))
  .option('--memory <size>', 'how much memory the machine has', '6G')
  .addArgument(new Argument('<command...>', 'what to run'))
  .passThroughOptions()
  .parse()
const { on, memory } = command.opts<{ on: (typeof machineNames)[number]; memory: string }>()
process.exitCode = runIn(on, { command: command.args, memory }).code
