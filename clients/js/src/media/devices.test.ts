import { afterEach, expect, it, vi } from "vitest";
import { Devices } from "./devices";
import { Microphone } from "./microphone";

vi.mock("./speaker", () => ({ Speaker: class { async unlock() {} } }));
afterEach(() => void vi.unstubAllGlobals());

it("opens one microphone, however often it is asked to meanwhile", async () => {
  vi.stubGlobal("AudioContext", class { async resume() {} });
  const open = vi
    .spyOn(Microphone, "open")
    .mockImplementation(async () => ({ close: () => undefined }) as unknown as Microphone);
  const devices = new Devices();
  const [one, other] = await Promise.all([devices.openMicrophone(), devices.openMicrophone()]);
  expect(one).toBe(other);
  expect(open).toHaveBeenCalledTimes(1);
  devices.dropMicrophone();
  expect(await devices.openMicrophone()).not.toBe(one);
});
