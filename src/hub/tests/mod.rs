mod certificates;
mod cms;
mod consignment;
mod directory;
mod epochs;
mod faults;
mod history;
mod import;
mod intake;
mod member;
mod order;
mod receipts;
mod world;

use world::World;
