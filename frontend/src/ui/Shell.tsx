/** The frame about every page: team, places, language, theme, account. */

import { ActionIcon, AppShell, Burger, Button, Drawer, Group, Menu, NavLink, Select, Text, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconBrain, IconChartLine, IconFolders, IconLanguage, IconListDetails, IconMoon, IconStack2, IconSun, IconUser, IconUsers } from "@tabler/icons-react";
import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { prefer, signOut, useSession, type Language, type Theme } from "../store/session";
import { i18next, LANGUAGES } from "./i18n";

interface Place {
  to: string;
  key: string;
}

const ICONS: Record<string, ReactNode> = {
  worklist: <IconListDetails size={18} />,
  cohorts: <IconFolders size={18} />,
  models: <IconBrain size={18} />,
  training: <IconChartLine size={18} />,
  jobs: <IconStack2 size={18} />,
  members: <IconUsers size={18} />,
};

interface Props {
  team: string;
  places: Place[];
  here: string;
  onGo: (to: string) => void;
  onTeam: (slug: string) => void;
  children: ReactNode;
}

export function LanguageMenu(): ReactNode {
  const { t, i18n } = useTranslation();
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t("language")}>
          <IconLanguage size={20} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {LANGUAGES.map(({ value, label }) => (
          <Menu.Item
            key={value}
            lang={value}
            fw={i18n.language === value ? 700 : 400}
            onClick={() => {
              void i18next.changeLanguage(value);
              void prefer({ language: value as Language });
            }}
          >
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

/** Lets the account's language and theme be the page's. */
export function usePreferences(): void {
  const { setColorScheme } = useMantineColorScheme();
  const me = useSession((state) => state.me);
  useEffect(() => {
    if (!me) return;
    if (me.language && i18next.language !== me.language) void i18next.changeLanguage(me.language);
    setColorScheme(me.theme ?? "dark");
    // eslint-disable-next-line react-hooks/exhaustive-deps -- setColorScheme is a new function each time
  }, [me]);
}

export function Shell({ team, places, here, onGo, onTeam, children }: Props): ReactNode {
  const { t } = useTranslation();
  const me = useSession((state) => state.me);
  const [isOpen, drawer] = useDisclosure();
  const { colorScheme } = useMantineColorScheme();
  const isDark = colorScheme !== "light";
  const link = ({ to, key }: Place): ReactNode => (
    <NavLink
      key={key}
      href={to}
      label={t(`place.${key}`)}
      leftSection={ICONS[key]}
      active={here === key}
      w="auto"
      styles={{ root: { borderRadius: 6 }, label: { whiteSpace: "nowrap" } }}
      onClick={(event) => {
        event.preventDefault();
        drawer.close();
        onGo(to);
      }}
    />
  );
  return (
    <AppShell header={{ height: 52 }} padding={{ base: "xs", sm: "md" }}>
      <AppShell.Header px={{ base: "xs", sm: "md" }}>
        <Group h="100%" justify="space-between" wrap="nowrap" gap="xs">
          <Group gap="xs" wrap="nowrap">
            <Burger opened={isOpen} onClick={drawer.toggle} hiddenFrom="md" size="sm" aria-label={t("menu")} />
            <UnstyledButton
              onClick={() => {
                onGo("/");
              }}
              aria-label="medportal"
            >
              <Group gap={8} wrap="nowrap">
                <img src={`${import.meta.env.BASE_URL}icon.svg`} width={24} height={24} alt="" />
                <Text fw={700} visibleFrom="xs">
                  medportal
                </Text>
              </Group>
            </UnstyledButton>
            <Group gap={2} visibleFrom="md" wrap="nowrap" component="nav" aria-label={t("menu")}>
              {places.map(link)}
            </Group>
          </Group>
          <Group gap={4} wrap="nowrap">
            {me && me.teams.length > 0 && (
              <Select
                size="xs"
                w={{ base: 110, sm: 150 }}
                aria-label={t("team")}
                allowDeselect={false}
                data={me.teams.map(({ slug, name }) => ({ value: slug, label: name || slug }))}
                value={team}
                onChange={(slug) => {
                  if (slug) onTeam(slug);
                }}
              />
            )}
            <LanguageMenu />
            <ActionIcon
              variant="subtle"
              color="gray"
              size="lg"
              aria-label={t("theme")}
              onClick={() => void prefer({ theme: (isDark ? "light" : "dark") as Theme })}
            >
              {isDark ? <IconSun size={20} /> : <IconMoon size={20} />}
            </ActionIcon>
            <Menu position="bottom-end">
              <Menu.Target>
                <Button variant="subtle" color="gray" size="compact-md" px={6} leftSection={<IconUser size={18} />} aria-label={t("account.title")}>
                  <Text size="sm" visibleFrom="sm">
                    {me?.username}
                  </Text>
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item
                  onClick={() => {
                    onGo("/account");
                  }}
                >
                  {t("account.title")}
                </Menu.Item>
                {me?.is_staff && (
                  <Menu.Item component="a" href="/admin/">
                    {t("admin")}
                  </Menu.Item>
                )}
                <Menu.Item component="a" href="/api/v1/docs/" target="_blank">
                  {t("apiDocs")}
                </Menu.Item>
                <Menu.Divider />
                <Menu.Item onClick={() => void signOut()}>{t("signOut")}</Menu.Item>
              </Menu.Dropdown>
            </Menu>
          </Group>
        </Group>
      </AppShell.Header>
      <Drawer opened={isOpen} onClose={drawer.close} title="medportal" size={260}>
        {places.map(link)}
      </Drawer>
      <AppShell.Main>{children}</AppShell.Main>
    </AppShell>
  );
}
