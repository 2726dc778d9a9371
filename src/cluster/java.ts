/** What the services in Java have in common: options, files of properties, logging. */

export function jvmOptions(heapMib: number): string[] {
  return [`-Xmx${heapMib}m`, '-XX:+UseSerialGC', '-Djava.net.preferIPv4Stack=true'];
}

export function propertiesText(
  properties: Readonly<Record<string, string | number | boolean>>,
): string {
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
  return `${lines.join('\n')}\n`;
}

/** For those that still log by log4j 1. */
export function log4j1Text(): string {
  return propertiesText({
    'log4j.rootLogger': 'INFO, out',
    'log4j.appender.out': 'org.apache.log4j.ConsoleAppender',
    'log4j.appender.out.layout': 'org.apache.log4j.PatternLayout',
    'log4j.appender.out.layout.ConversionPattern': '%d{ISO8601} %p %m (%c)%n',
  });
}

export function log4j2Text(): string {
  return propertiesText({
    'appender.out.type': 'Console',
    'appender.out.name': 'out',
    'appender.out.layout.type': 'PatternLayout',
    'appender.out.layout.pattern': '%d{ISO8601} %p %m (%c{1})%n%throwable',
    'rootLogger.level': 'INFO',
    'rootLogger.appenderRef.out.ref': 'out',
  });
}
