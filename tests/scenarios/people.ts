// People of a scenario: an account and its devices.

import { type Account, signUp } from '@hongyan/testing/http-client';
import { type Frame, WireClient } from '@hongyan/testing/wire-client';

export class Person {
  readonly #url: string;
  readonly account: Account;

  private constructor(url: string, account: Account) {
    this.#url = url;
    this.account = account;
  }

  static async join(url: string, userId: string): Promise<Person> {
    return new Person(url, await signUp(url, userId));
  }

  device(deviceId: string): Promise<WireClient> {
    return WireClient.open({ url: this.#url, token: this.account.token, userId: this.account.userId, deviceId });
  }
}

export const text = (value: string) => ({ type: 'text', text: value });
export const ofType = (type: string) => (frame: Frame) => frame.type === type;
export const messageWith = (key: string) => (frame: Frame) => frame.type === 'message' && frame.client_msg_id === key;
