/** The frame: places on the left, state of the hub above, the page in the middle. On a phone the places hide behind a button. */

import { AppShell, Burger, Group, NavLink, ScrollArea, Text, UnstyledButton } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Link, Outlet, useRouterState } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { AlertsButton } from './alerts-button.tsx'
import { Connection } from './connection.tsx'
import { Mark } from './mark.tsx'
import { MeButton } from './me-button.tsx'
import { REGIONS } from './navigation.ts'
import { Palette } from './palette.tsx'
import { SchemeButton } from './scheme-button.tsx'
import classes from './shell.module.css'
import { TourButton, TourStrip, useTour } from './tour/tour.tsx'

export function Shell() {
  const [opened, { toggle, close }] = useDisclosure(false)
  const tour = useTour()
  const path = useRouterState({ select: ({ location }) => location.pathname })
  // biome-ignore lint/correctness/useExhaustiveDependencies: closes when the page changes
  useEffect(close, [path])
  useFocusOnArrival()
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 212, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding="md"
    >
      <a className={classes.skip} href="#page">
        Skip to the page
      </a>
      <AppShell.Header className={classes.header}>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="xs" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Places" />
            <UnstyledButton component={Link} to="/" className={classes.brand}>
              <Mark />
              <Text fw={700} component="span">
                Thalweg
              </Text>
            </UnstyledButton>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <Connection />
            <Palette />
            <AlertsButton />
            {tour !== undefined && <TourButton tour={tour} />}
            <SchemeButton />
            <MeButton />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar className={classes.navbar}>
        <ScrollArea type="auto">
          <nav aria-label="Places" className={classes.places}>
            {REGIONS.map(({ label, places }) => (
              <div key={label} className={classes.region}>
                {label !== '' && <p className={classes.regionLabel}>{label}</p>}
                {places.map(({ label: name, to, icon: Icon }) => {
                  const active = to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`)
                  return (
                    <NavLink
                      key={to}
                      component={Link}
                      to={to}
                      label={name}
                      leftSection={<Icon size={16} aria-hidden />}
                      active={active}
                      {...(active ? { 'aria-current': 'page' as const } : {})}
                      className={classes.place}
                    />
                  )
                })}
              </div>
            ))}
          </nav>
        </ScrollArea>
      </AppShell.Navbar>
      {tour?.isAway === false && <TourStrip tour={tour} />}
      <AppShell.Main id="page" tabIndex={-1} className={classes.main}>
        <Outlet />
      </AppShell.Main>
    </AppShell>
  )
}

/** The link that led to a page is often gone with the page it stood on: then the keyboard goes on from the beginning of the new one. */
function useFocusOnArrival(): void {
  const path = useRouterState({ select: ({ resolvedLocation }) => resolvedLocation?.pathname })
  const before = useRef(path)
  useEffect(() => {
    const came = before.current !== undefined && before.current !== path
    before.current = path
    if (came && document.activeElement === document.body)
      document.getElementById('page')?.focus({ preventScroll: true })
  }, [path])
}
