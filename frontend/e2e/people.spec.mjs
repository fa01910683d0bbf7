import assert from 'node:assert/strict';
import { test } from 'node:test';
import { begun, file, jobOf, moved, owner, page, person, sales, state, upload } from './world.mjs';

test('R43 a signed-out person comes back to the address they wanted', async () => {
  const { tab, close: leave } = await person({ at: '/history?view=sessions' });
  await tab.waitForURL('**/history?view=sessions');
  await tab.getByRole('button', { name: 'Owner' }).click();
  await tab.getByRole('menuitem', { name: 'Sign out' }).click();
  await tab.getByRole('button', { name: 'Sign in' }).waitFor();
  await leave();
});

test('R47 a wrong password is said, and nobody is let in', async () => {
  const { tab, close: leave } = await person({ signedIn: false, expect: ['401'] });
  await tab.getByLabel('Email address').fill('nobody@example.com');
  await tab.getByRole('textbox', { name: 'Password' }).fill('wrong password');
  await tab.keyboard.press('Enter');
  await tab.locator('form').getByText(/password/i).nth(1).waitFor();
  assert.match(tab.url(), /sign-in/);
  await leave();
});

test('R47 when the sign-in ends, nothing typed is lost and the question goes on', async () => {
  const { tab, close: leave } = await person({ expect: ['401'] });
  await begun(tab);
  const before = tab.url();
  const kept = tab.waitForResponse(r => r.request().method() === 'PATCH' && r.url().includes('/sources/')); // the reload would cut it off
  await tab.getByRole('button', { name: 'Ask about sales.csv again' }).click();
  await kept;
  await tab.getByRole('textbox', { name: 'Question' }).fill('average amount by region');
  await tab.evaluate(() => { // a token that no server takes any more
    const [head, body] = sessionStorage.getItem('orcray.token').split('.');
    sessionStorage.setItem('orcray.token', `${head}.${body}.AAAA`);
  });
  await tab.reload();
  const again = tab.getByRole('dialog', { name: 'Sign in again' });
  await again.waitFor();
  assert.equal(await tab.locator('.oc-ask-box textarea').inputValue(), 'average amount by region');
  
  await again.getByRole('textbox', { name: 'Email address' }).fill(owner.email).catch(() => {}); // known, and then not to be changed
  await again.getByRole('textbox', { name: 'Password' }).fill(owner.password);
  await tab.keyboard.press('Enter');
  await again.waitFor({ state: 'detached' });
  await tab.getByRole('checkbox', { name: /sales.csv/, checked: true }).waitFor();
  await tab.getByRole('textbox', { name: 'Question' }).press('Control+Enter');
  await moved(tab, before);
  await state(tab, 'Completed');
  await leave();
});

test('R39 another person sees nothing of it, and not the cluster’s jobs', async () => {
  const first = await person();
  await begun(first.tab);
  const address = new URL(first.tab.url()).pathname;
  const email = `ada.${Date.now()}@example.com`;
  const password = 'a long enough password';
  const made = await fetch(`${page}/api/v1/users`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ email, password, full_name: 'Ada' }) });
  assert.equal(made.status, 201);
  const second = await person({ email, password, at: address, expect: ['404'] });
  await second.tab.getByText(/not yours|Not found|no such/i).first().waitFor();
  await second.tab.goto(`${page}/history`);
  await second.tab.getByText('Nothing was asked yet').waitFor();
  await second.tab.goto(`${page}/cluster`);
  await second.tab.getByText('only administrators see them').waitFor();
  await first.close();
  await second.close();
});

test('R38 R41 the history finds, compares, runs again, renames and deletes', async () => {
  const { tab, close: leave } = await person();
  await begun(tab);
  const job = jobOf(tab);
  await tab.goto(`${page}/history`);
  const row = tab.getByRole('row').filter({ has: tab.locator(`a[href$="${job}"]`) });
  await row.waitFor();
  const find = tab.getByRole('combobox', { name: 'Find jobs' });
  await find.fill('no such question');
  await find.press('Enter');
  await tab.getByText('No job matches').waitFor();
  assert.match(tab.url(), /filter=/);
  await tab.reload(); // the filter stands in the address
  await tab.getByText('No job matches').waitFor();
  await tab.getByRole('button', { name: 'Clear the filter' }).click();
  await row.getByRole('checkbox').check();
  await tab.getByRole('button', { name: 'Run again' }).click();
  await tab.waitForURL(/\/ask\/\w+\/\w+/);
  await state(tab, 'Completed');
  const second = jobOf(tab);
  await tab.goto(`${page}/compare?a=${job}&b=${second}`);
  await tab.getByText('The two programs are the same.').waitFor();
  await tab.goto(`${page}/history`);
  const rerun = tab.getByRole('row').filter({ has: tab.locator(`a[href$="${second}"]`) });
  await rerun.getByRole('checkbox').check();
  await tab.getByRole('button', { name: 'Delete', exact: true }).click();
  await tab.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await tab.getByText('1 job deleted.').waitFor();
  await rerun.waitFor({ state: 'detached' });
  await tab.getByRole('tab', { name: 'Sessions' }).click();
  await tab.getByRole('button', { name: /^Rename average amount by region/ }).first().click();
  await tab.getByRole('textbox', { name: 'Name' }).fill('Sales of 2024');
  await tab.getByRole('button', { name: 'Save the name' }).click();
  await tab.getByRole('link', { name: 'Sales of 2024' }).waitFor();
  await leave();
});

test('R43 a question is asked and answered with the keyboard alone', async () => {
  const { tab, close: leave } = await person({ signedIn: false });
  
  await tab.getByLabel('Email address').waitFor();
  await tab.keyboard.type(owner.email); // the first field has the focus
  await tab.keyboard.press('Tab');
  await tab.keyboard.type(owner.password);
  await tab.keyboard.press('Enter');
  await tab.getByRole('heading', { name: 'How it works' }).waitFor();
  await upload(tab, file('sales.csv', sales)); // the chooser is the system's
  const reach = async (role, name) => {
    const wanted = tab.getByRole(role, { name });
    for (let i = 0; i < 60; i++) {
      if (await wanted.evaluate(e => { let a = document.activeElement; while (a?.shadowRoot?.activeElement) a = a.shadowRoot.activeElement; return a === e; })) return;
      await tab.keyboard.press('Tab');
    }
    assert.fail(`${name} cannot be reached with Tab`);
  };
  await reach('textbox', 'Question');
  await tab.keyboard.type('average amount by region');
  await tab.keyboard.press('Control+Enter');
  await state(tab, 'Completed');
  await reach('tab', 'Answer');
  await tab.keyboard.press('ArrowRight');
  await tab.keyboard.press('Enter');
  await reach('textbox', 'Program');
  await tab.keyboard.press('Control+End');
  await tab.keyboard.type('\nprint("by hand")');
  await tab.keyboard.press('Escape');
  await tab.keyboard.press('Tab');
  assert.notEqual(await tab.evaluate(() => document.activeElement?.dataset.testid), 'editor', 'Escape and Tab leave the editor');
  await tab.keyboard.press('Shift+Tab');
  await tab.keyboard.press('Control+Enter');
  await tab.getByText('by hand').first().waitFor({ timeout: 60_000 });
  await leave();
});
