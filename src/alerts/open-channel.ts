/** The one place that chooses the engine of a channel. */
import type { ChannelConfig } from '../config/alert-channels.ts';
import type { Channel } from './channel.ts';
import type { ChannelContext } from './channels/context.ts';

export async function openChannel(
  config: ChannelConfig,
  context: ChannelContext,
): Promise<Channel> {
  switch (config.type) {
    case 'email':
      return (await import('./channels/email.ts')).openEmail(config, context);
    case 'webhook':
      return (await import('./channels/webhook.ts')).openWebhook(config, context);
    case 'slack':
      return (await import('./channels/slack.ts')).openSlack(config, context);
    case 'teams':
      return (await import('./channels/teams.ts')).openTeams(config, context);
    case 'discord':
      return (await import('./channels/discord.ts')).openDiscord(config, context);
    case 'ntfy':
      return (await import('./channels/ntfy.ts')).openNtfy(config, context);
    case 'alertmanager':
      return (await import('./channels/alertmanager.ts')).openAlertmanager(config, context);
    case 'twilio':
      return (await import('./channels/twilio.ts')).openTwilio(config, context);
    case 'sms':
      return (await import('./channels/sms.ts')).openSms(config, context);
  }
}
