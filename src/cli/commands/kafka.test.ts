import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCertificate } from '../../api/tls/authority.ts';
import { isErrorCode } from '../../errors.ts';
import { buildProgram } from '../program.ts';
import { openTestEnvironment } from '../testing/environment.ts';

async function acls(...argv: readonly string[]): Promise<string> {
  const { environment, printed } = openTestEnvironment({ env: {} });
  const settings = ['--set', 'log.engine=kafka', '--set', 'log.kafka.brokers=a:9092, b:9092'];
  const given = ['kafka', 'acls', ...settings, ...argv];
  await buildProgram(environment).parseAsync(given, { from: 'user' });
  return printed.stdout;
}

test('prints commands that a shell can run', async () => {
  assert.equal(
    await acls('--user', "CN=o'hara, O=x", '--role', 'land,alerts'),
    `# land, alerts
kafka-acls.sh --bootstrap-server a:9092,b:9092 --command-config admin.properties \\
  --add --allow-principal 'User:CN=o'\\''hara, O=x' --operation Create --operation DescribeConfigs \
--operation Read --operation Delete --topic weather_data
# land
kafka-acls.sh --bootstrap-server a:9092,b:9092 --command-config admin.properties \\
  --add --allow-principal 'User:CN=o'\\''hara, O=x' --operation Read --group isobar
# alerts, only to show figures of the brokers
kafka-acls.sh --bootstrap-server a:9092,b:9092 --command-config admin.properties \\
  --add --allow-principal 'User:CN=o'\\''hara, O=x' --operation Describe --cluster
`,
  );
});

test('lists no more than each role needs', async () => {
  const listed = async (...argv: readonly string[]) => {
    const found = JSON.parse(await acls('--user', 'User:a', '--json', ...argv));
    return found.map((one: Record<string, string>) => {
      assert.deepEqual([one.principal, one.host, one.permission], ['User:a', '*', 'ALLOW']);
      return `${one.operation} ${one.resource_type} ${one.resource_name}`;
    });
  };
  const lean = ['--no-create', '--no-figures', '--role'];
  const [configs, read] = ['DESCRIBE_CONFIGS topic weather_data', 'READ topic weather_data'];
  assert.deepEqual(await listed(...lean, 'collect'), [configs, 'WRITE topic weather_data']);
  assert.deepEqual(await listed(...lean, 'serve'), [configs, read]);
  assert.deepEqual(await listed(...lean, 'analyze'), []);
  assert.deepEqual(await listed(...lean, 'analyze', '--log-level', 'debug'), [
    ...[configs, 'DESCRIBE topic weather_data'],
  ]);
  assert.deepEqual(await listed(...lean, 'stream', '--simulated'), [
    ...['DESCRIBE_CONFIGS topic weather_data_simulated', 'READ topic weather_data_simulated'],
    ...['READ topic weather_data_simulated_hours', 'WRITE topic weather_data_simulated_hours'],
  ]);
  const hours = 'READ topic weather_data_hours';
  assert.ok(!(await listed()).includes(hours));
  assert.ok((await listed('--set', 'streaming.enabled=true')).includes(hours));
  assert.equal(await acls('--user', 'a', '--role', 'analyze'), '# nothing is needed\n');
});

test('refuses what cannot be a name, and a log without brokers', async () => {
  for (const user of ['', 'User:', 'a\nb']) {
    await assert.rejects(acls('--user', user), (error) => isErrorCode(error, 'USAGE'));
  }
  const other = ['--set', 'log.engine=sqlite'];
  await assert.rejects(acls('--user', 'a', ...other), /log\.engine: expected kafka; got sqlite/);
  await assert.rejects(acls('--user', 'a', '--check', '--apply'), /cannot be used with/);
});

test('doctor looks at the certificate that brokers are shown', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-doctor-'));
  const made = { folder, names: ['a.example'], replace: false, now: new Date() };
  const { certificate_file, key_file } = await makeCertificate({ ...made, days: 5 });
  const { environment, printed } = openTestEnvironment({ env: {} });
  const settings = {
    ...{ 'log.engine': 'kafka', 'log.kafka.tls': 'true', 'api.port': '0' },
    'log.kafka.tls_certificate_file': certificate_file,
    'log.kafka.tls_key_file': key_file,
  };
  const set = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const argv = ['doctor', '--json', '--data', join(folder, 'data'), ...set];
  await buildProgram(environment)
    .parseAsync(argv, { from: 'user' })
    .catch(() => {});
  const findings: { check: string; verdict: string; text: string }[] = JSON.parse(printed.stdout);
  const [found] = findings.filter(({ check }) => check === 'kafka');
  assert.equal(found?.verdict, 'warn');
  assert.match(found?.text ?? '', /server\.crt: a\.example, until /);
  rmSync(folder, { recursive: true });
});
