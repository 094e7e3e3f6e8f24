import { addressOf, type AccessTab } from "../view/route";
import { Keys } from "./Keys";
import { Heading } from "./parts";
import { Users } from "./Users";
import { Webhooks } from "./Webhooks";

const TABS: { tab: AccessTab; name: string }[] = [
  { tab: "keys", name: "Keys" },
  { tab: "users", name: "Users" },
  { tab: "webhooks", name: "Webhooks" },
];

/** Who may use the server, and whom it tells. */
export function Access({ tab }: { tab: AccessTab }) {
  return (
    <>
      <Heading title="Access" />
      <nav className="tabs" aria-label="Access">
        {TABS.map((each) => (
          <a
            key={each.tab}
            href={addressOf({ page: "access", tab: each.tab })}
            aria-current={each.tab === tab ? "page" : undefined}
          >
            {each.name}
          </a>
        ))}
      </nav>
      {tab === "keys" && <Keys />}
      {tab === "users" && <Users />}
      {tab === "webhooks" && <Webhooks />}
    </>
  );
}
